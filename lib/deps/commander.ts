/** The command line: typed options, help, "did you mean". */
export * from "npm:@commander-js/extra-typings@15.1.0";
