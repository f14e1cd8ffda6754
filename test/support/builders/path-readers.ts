import { Elysia } from "elysia";

/** One step of a program that reads a path, done as that program does it. @returns the path after the step */
export type PathReader = (path: string) => string;

const decode = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** `merge_slashes on`, dot segments resolved; what would leave the root is not served. */
const nginx: PathReader = (path) => {
  const kept: string[] = [];
  for (const segment of decode(path).split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "." && segment !== "") kept.push(segment);
  }
  return `/${kept.join("/")}`;
};

/** Steps by name. Challenges, and programs in front of them, are chains of these. */
export const pathReaders: Readonly<Record<string, PathReader>> = {
  "WHATWG URL": (path) => new URL(`http://challenge:8000${path.replace(/^(?=[^/])/, "/")}`).pathname,
  "percent-decoding": decode,
  nginx,
  "a servlet container": (path) => nginx(path.replace(/;[^/]*/g, "")),
  "a container that keeps slashes": (path) => path.replace(/;[^/]*/g, ""),
  "a C string": (path) => path.replace(/\0.*/s, ""),
  "a query's end": (path) => path.replace(/[?#].*/s, ""),
  "a Windows path": (path) => path.replaceAll("\\", "/").replace(/(?<=[^./])[. ]+(?=\/|$)/g, ""),
  "a decoder of segments": (path) => path.split("/").map(decode).join("/"),
  "trimmed text": (path) => path.trim(),
};

/** Whether a plain router would run a non-public route for this path. */
export function isKept(path: string): boolean {
  const route = path
    .toLowerCase()
    .replace(/\/+/g, "/")
    .replace(/(?<=.)\/$/, "")
    .replace(/\n$/, "");
  if (/^\/(internal|benchmark-executions)(\/|$)/.test(route)) return true;
  return /^\/(health|version)$/.test(route) || /^\/benchmarks?\/(.*\/)?(run|execute|launch)$/s.test(route);
}

/** Reads paths with Python's `urllib.parse` and `posixpath`, in chains of up to three steps. @returns those that became a non-public route */
export async function keptByPython(
  paths: readonly string[],
): Promise<{ readonly path: string; readonly chain: string[] }[]> {
  const child = Bun.spawn(["python3", "-c", python], { stdin: Buffer.from(JSON.stringify(paths)), stdout: "pipe" });
  const found = (await new Response(child.stdout).json()) as { path: string; chain: string[]; read: string }[];
  if ((await child.exited) !== 0) throw new Error("python3 could not read the paths");
  return found.filter(({ read }) => isKept(read));
}

const python = `
import itertools, json, posixpath, sys
from urllib.parse import unquote, urljoin, urlparse, urlsplit
def guarded(read):
    def step(path):
        try: return read(path)
        except ValueError: return "/"
    return step
steps = {
    "unquote": unquote, "normpath": posixpath.normpath,
    "urlsplit": guarded(lambda p: urlsplit("http://challenge:8000" + p).path), "urlparse": guarded(lambda p: urlparse("http://challenge:8000" + p).path),
    "urljoin": guarded(lambda p: urlsplit(urljoin("http://challenge:8000/", "/" + p.lstrip("/"))).path),
}
chains = [c for n in (1, 2, 3) for c in itertools.product(steps, repeat=n)]
words = ("internal", "health", "version", "benchmark")
found = {}
for path in json.load(sys.stdin):
    for chain in chains:
        read = path
        for name in chain: read = steps[name](read)
        if any(word in read.lower() for word in words): found[(path, read)] = chain
json.dump([{"path": path, "chain": chain, "read": read} for (path, read), chain in found.items()], sys.stdout)
`;

/** A challenge on Elysia and Bun's server with only the non-public routes: 200 for those, else 404. */
export function startElysia(): { readonly port: number; stop(): Promise<unknown> } {
  const hit = () => "kept";
  const app = new Elysia()
    .all("/health", hit)
    .all("/version", hit)
    .all("/internal", hit)
    .all("/internal/*", hit)
    .all("/benchmark-executions/*", hit)
    .all("/benchmarks/run", hit)
    .all("/benchmarks/:name/run", hit)
    .listen({ port: 0, hostname: "127.0.0.1" });
  return { port: app.server?.port ?? 0, stop: () => app.stop(true) };
}
