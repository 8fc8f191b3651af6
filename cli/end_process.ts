/**
 * Ends the process without the exit handlers of native libraries. A graphics driver's handlers, run while threads of its devices in ended
 * workers still go, crash the process now and then, after everything is done. Where that cannot be, the usual way.
 */
export function endProcess(code: number): never {
  if (Deno.build.os === "linux") {
    try {
      const libc = Deno.dlopen("libc.so.6", { _exit: { parameters: ["i32"], result: "void" } });
      libc.symbols._exit(code);
    } catch { /* no permission, or another C library */ }
  }
  Deno.exit(code);
}
