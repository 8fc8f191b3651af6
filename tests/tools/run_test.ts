import assert from "node:assert/strict";

/** The launcher is for POSIX shells. */
const ignore = Deno.build.os === "windows";

/** A project in a folder with a space, whose launcher meets only the programs given here and the system's own tools. */
class Machine implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "launcher test " });

  constructor(programs: Record<string, string>) {
    for (const name of ["project/tools", "bin", "home", "elsewhere"]) {
      Deno.mkdirSync(`${this.folder}/${name}`, { recursive: true });
    }
    Deno.copyFileSync(new URL("../../tools/run", import.meta.url), `${this.folder}/project/tools/run`);
    for (const tool of "sh sed sort head mktemp uname id find dirname mkdir mv rm cat".split(" ")) this.#link(tool);
    for (const [name, body] of Object.entries(programs)) {
      Deno.writeTextFileSync(`${this.folder}/bin/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
  }

  #link(tool: string): void {
    for (const place of ["/usr/bin", "/bin"]) {
      try {
        Deno.statSync(`${place}/${tool}`);
        return Deno.symlinkSync(`${place}/${tool}`, `${this.folder}/bin/${tool}`);
      } catch { /* try the next */ }
    }
  }

  /** Runs the launcher from the folder `elsewhere`. `check` needs no GPU, so no driver is looked for. */
  run(...args: string[]): { code: number; output: string; errors: string } {
    const { code, stdout, stderr } = new Deno.Command("/bin/sh", {
      args: [`${this.folder}/project/tools/run`, ...args],
      cwd: `${this.folder}/elsewhere`,
      clearEnv: true,
      env: { PATH: `${this.folder}/bin`, HOME: `${this.folder}/home`, TMPDIR: this.folder },
      stdin: "null",
    }).outputSync();
    const text = new TextDecoder();
    return { code, output: text.decode(stdout), errors: text.decode(stderr) };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** A program that says it is this version of deno, and otherwise prints where it runs and what it is told. */
function deno(version: string): string {
  return `[ "$1" = --version ] && { echo "deno ${version} (stable, release)"; exit; }
echo "$PWD|$INIT_CWD"; for word; do echo "<$word>"; done; [ -d "$XDG_RUNTIME_DIR" ] && echo private; exit 7`;
}

/** An npm that installs \`binary\` as the platform's package does. */
function npm(binary: string): string {
  return `while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/@deno/linux-x64-glibc"
cat > "$2/node_modules/@deno/linux-x64-glibc/deno" <<'END'
#!/bin/sh
${binary}
END
/bin/chmod +x "$2/node_modules/@deno/linux-x64-glibc/deno"`;
}

Deno.test({
  name: "tools/run hands the task, the arguments and the user's folder to deno, and its exit code back",
  ignore,
  fn: () => {
    for (const version of ["2.9.6", "2.10.0", "3.0.0-rc.1"]) {
      using machine = new Machine({ deno: deno(version) });
      const { code, output, errors } = machine.run("check", "--data", "../a b", "$HOME");
      const folder = Deno.realPathSync(machine.folder);
      assert.deepEqual(output.trim().split("\n").slice(0, 6), [
        `${folder}/project|${machine.folder}/elsewhere`,
        "<task>",
        "<--quiet>",
        "<check>",
        "<--data>",
        "<../a b>",
      ]);
      assert.equal(code, 7);
      assert.equal(errors, "");
      if (Deno.build.os === "linux") assert.match(output, /^private$/m);
    }
  },
});

Deno.test({
  name: "tools/run installs the pinned deno from npm when there is none or only an old one, once",
  ignore,
  fn: () => {
    for (const old of [{}, { deno: deno("2.9.5") }, { deno: deno("1.99.99") }] as Record<string, string>[]) {
      using machine = new Machine({ ...old, npm: npm(deno("2.9.6")) });
      const first = machine.run("check");
      assert.equal(first.code, 7, first.errors);
      assert.match(first.errors, /^tools\/run: installing deno 2\.9\.6 from npm into \.deno\/\n$/);
      assert.deepEqual([...Deno.readDirSync(`${machine.folder}/project/.deno`)].map(({ name }) => name), ["deno"]);
      assert.equal(machine.run("check").errors, "");
    }
  },
});

Deno.test({
  name: "tools/run says in one line what to do when it cannot get deno, and leaves nothing behind",
  ignore,
  fn: () => {
    {
      using machine = new Machine({});
      const { code, errors } = machine.run("check");
      assert.equal(code, 2);
      assert.match(errors, /^tools\/run: deno 2\.9\.6 or newer is needed; install npm .*\n$/);
    }
    {
      using machine = new Machine({ npm: "echo 'npm error network'; exit 1" });
      const { code, errors } = machine.run("check");
      assert.equal(code, 2);
      assert.match(errors, /npm error network\ntools\/run: cannot install deno 2\.9\.6 from npm \(see above\)\n$/);
      assert.deepEqual([...Deno.readDirSync(`${machine.folder}/project/.deno`)], []);
    }
    {
      using machine = new Machine({ npm: npm("exit 1") });
      const { code, errors } = machine.run("check");
      assert.equal(code, 2);
      assert.match(errors, /no deno binary that runs on this machine/);
    }
  },
});

Deno.test({
  name: "tools/run test installs Open MPI where it is root and has apt-get, and goes on without it",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const aptGet = (code: number) => `echo "$*" >> "$HOME/asked"; case "$*" in *openmpi-bin*) exit ${code};; esac`;
    for (const code of [0, 1]) {
      using machine = new Machine({ deno: deno("2.9.6"), env: '/usr/bin/env "$@"', "apt-get": aptGet(code) });
      const asked = () => {
        try {
          return Deno.readTextFileSync(`${machine.folder}/home/asked`);
        } catch {
          return "";
        }
      };
      // Some words after it pick tests: nothing is installed for those.
      assert.equal(machine.run("test", "record").code, 7);
      assert.doesNotMatch(asked(), /openmpi-bin/);
      const { code: found, errors } = machine.run("test");
      if (Deno.uid() !== 0) continue; // whoever is not root may lack a driver as well: the launcher says so
      assert.equal(found, 7, errors);
      assert.match(asked(), /install -y --no-install-recommends openmpi-bin$/m);
      assert.equal(/tests that need it are skipped/.test(errors), code !== 0, errors);
    }
  },
});
