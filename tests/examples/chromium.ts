/** A headless Chromium, driven by its debugging protocol. */

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium"];
const START_MS = 30_000;

/** The Chromium of this machine, if it has one. */
export function findChromium(): string | undefined {
  return PROGRAMS.find((program) => {
    try {
      return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
    } catch {
      return false;
    }
  });
}

/** A page in a browser. */
export interface Page {
  /** What was printed as an error, thrown and not caught, or not loaded, so far. */
  readonly errors: string[];
  /** Gives the page a size in pixels; a narrow one is that of a phone. */
  resize(width: number, height: number): Promise<void>;
  /** The value of an expression in the page; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true. */
  until(expression: string, milliseconds: number): Promise<void>;
}

/** Opens `url` in a browser of its own, which ends with `work`. */
export async function withPage(program: string, url: string, work: (page: Page) => Promise<void>): Promise<void> {
  const profile = Deno.makeTempDirSync({ prefix: "centerbias-chromium-" });
  const browser = new Deno.Command(program, {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions"],
      ...["--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb"],
      ...[
        "--enable-unsafe-swiftshader",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let socket: WebSocket | undefined;
  try {
    socket = await connect(await pageAddress(browser.stderr));
    await work(await openPage(socket, url));
  } finally {
    socket?.close();
    try {
      browser.kill("SIGKILL");
    } catch { /* it ended by itself */ }
    await browser.status;
    // its children write into the profile until they notice
    for (let i = 0; i < 20; i++) {
      try {
        Deno.removeSync(profile, { recursive: true });
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** The browser prints where it listens; there the pages are listed. */
async function pageAddress(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const timer = setTimeout(() => reader.cancel(), START_MS);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`Chromium did not start: ${text.slice(-2000)}`);
      text += value;
      const port = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(text)?.[1];
      if (port === undefined) continue;
      (async () => {
        while (!(await reader.read()).done);
      })().catch(() => {}); // what it says later must be read, or it waits
      const pages = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      return pages.find(({ type }: { type: string }) => type === "page").webSocketDebuggerUrl;
    }
  } finally {
    clearTimeout(timer);
  }
}

function connect(address: string): Promise<WebSocket> {
  const socket = new WebSocket(address);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error(`cannot connect to Chromium at ${address}`));
  });
}

async function openPage(socket: WebSocket, url: string): Promise<Page> {
  // deno-lint-ignore no-explicit-any -- the protocol's messages have as many shapes as it has methods
  type Message = any;
  const waiting = new Map<number, (message: Message) => void>();
  const errors: string[] = [];
  let id = 0;
  const send = (method: string, params: object = {}) => {
    socket.send(JSON.stringify({ id: ++id, method, params }));
    return new Promise<Message>((resolve) => waiting.set(id, resolve));
  };
  socket.onmessage = ({ data }) => {
    const { id, method, params, ...rest } = JSON.parse(data);
    if (id !== undefined) waiting.get(id)?.(rest);
    waiting.delete(id);
    if (method === "Runtime.exceptionThrown") errors.push(params.exceptionDetails.exception?.description ?? "thrown");
    if (method === "Runtime.consoleAPICalled" && params.type === "error") {
      errors.push(params.args.map(({ value, description }: Message) => value ?? description).join(" "));
    }
    if (method === "Log.entryAdded" && params.entry.level === "error") errors.push(params.entry.text);
  };
  for (const domain of ["Runtime", "Log", "Page"]) await send(`${domain}.enable`);
  await send("Page.navigate", { url });
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, error } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (error || result.exceptionDetails) {
      throw new Error(`${expression}: ${error?.message ?? result.exceptionDetails.exception?.description}`);
    }
    return result.result.value;
  };
  return {
    errors,
    async resize(width, height) {
      const mobile = width < 600;
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    },
    evaluate,
    async until(expression, milliseconds) {
      for (const end = Date.now() + milliseconds; Date.now() < end;) {
        if (await evaluate<boolean>(expression).catch(() => false)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const text = await evaluate("document.body.innerText");
      throw new Error(`not within ${milliseconds} ms: ${expression}; errors: ${errors.join("; ")}; page: ${text}`);
    },
  };
}
