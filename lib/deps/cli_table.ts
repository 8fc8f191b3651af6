/** Tables in the terminal. */
export { default } from "npm:cli-table3@0.6.5";
