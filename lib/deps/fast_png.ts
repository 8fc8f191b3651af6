/** PNG decoding and encoding. */
export * from "npm:fast-png@8.0.0";
