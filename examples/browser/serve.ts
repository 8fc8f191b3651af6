// deno-lint-ignore-file no-console -- a command prints
/**
 * Serves the page on this machine, and a model with it.
 *
 *     deno run -A examples/browser/serve.ts face.safetensors
 */

/** The page's files by their paths: the program is bundled into one file, which a browser can load. */
export async function bundlePage(): Promise<Map<string, { type: string; body: string }>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--minify", new URL("./app.ts", import.meta.url).href],
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) throw new Error(`deno bundle failed: ${new TextDecoder().decode(stderr)}`);
  const html = await Deno.readTextFile(new URL("./index.html", import.meta.url));
  return new Map([
    ["/", { type: "text/html; charset=utf-8", body: html }],
    ["/app.js", { type: "text/javascript; charset=utf-8", body: new TextDecoder().decode(stdout) }],
  ]);
}

/** Answers with the page's files, and with the model as `/model.safetensors`. */
export function servePage(page: Awaited<ReturnType<typeof bundlePage>>, model?: string): Deno.ServeHandler {
  return async (request) => {
    const { pathname } = new URL(request.url);
    const file = page.get(pathname);
    if (file) return new Response(file.body, { headers: { "content-type": file.type } });
    if (model !== undefined && pathname === "/model.safetensors") {
      return new Response((await Deno.open(model)).readable);
    }
    return new Response("not found", { status: 404 });
  };
}

if (import.meta.main) {
  const [model] = Deno.args;
  const query = model === undefined ? "" : "?model=model.safetensors";
  if (model !== undefined) await Deno.stat(model);
  Deno.serve({
    hostname: "127.0.0.1",
    port: 8080,
    onListen: ({ hostname, port }) => console.log(`http://${hostname}:${port}/${query}`),
  }, servePage(await bundlePage(), model));
}
