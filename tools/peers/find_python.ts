/** Pythons that are asked, after what PYTHON names. */
const PYTHONS = ["python3", "/usr/bin/python3"];

/** A Python that has these modules, "numpy, sklearn.metrics", or undefined. Where PYTHON names one, only that is asked. */
export function findPython(modules: string): string | undefined {
  const named = Deno.env.get("PYTHON");
  return (named ? [named] : PYTHONS).find((python) => {
    try {
      const args = ["-c", `import ${modules}`];
      return new Deno.Command(python, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
    } catch {
      // No such program: the next one.
      return false;
    }
  });
}
