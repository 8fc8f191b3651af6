/** Colours in the terminal; honours NO_COLOR. */
export { default } from "npm:picocolors@1.1.1";
