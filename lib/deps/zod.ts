/** Validation of options. */
export * from "npm:zod@4.6.7";
