import { basename } from "node:path";
import type { PageFile, Pages } from "../routes/page.ts";
import page from "./dashboard/index.html";

/** Bun's HTML import in a compiled executable. Run from source, it lists no files. */
interface Manifest {
  readonly index: string;
  readonly files?: readonly { readonly path: string; readonly headers: Readonly<Record<string, string>> }[];
}

/** The dashboard at `/`: files of the executable, or bundled now when run from source. */
export async function dashboardPages(): Promise<Pages> {
  const { index, files } = page as unknown as Manifest;
  const bundled = files
    ? files.map(({ path, headers }) => ({ path, body: Bun.file(path), contentType: headers["content-type"] ?? "" }))
    : await bundle(index);
  return bundled.map(({ path, body, contentType }): PageFile => {
    const isPage = contentType.startsWith("text/html");
    return { path: isPage ? "/" : `/${basename(path)}`, body, contentType };
  });
}

async function bundle(index: string): Promise<{ path: string; body: Blob; contentType: string }[]> {
  const { outputs } = await Bun.build({ entrypoints: [index], minify: true, target: "browser", publicPath: "/" });
  return outputs.map((output) => ({ path: output.path, body: output, contentType: output.type }));
}
