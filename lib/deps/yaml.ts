/** YAML of option files and hparam.yaml. */
export * from "npm:yaml@2.9.1";
