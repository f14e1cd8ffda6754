import { Elysia } from "elysia";

/** A file that is served as it is. */
export interface PageFile {
  readonly path: string;
  readonly body: string | Blob;
  readonly contentType: string;
}

export type Pages = readonly PageFile[];

/** Pages load nothing from other origins, and no page may put them in a frame. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves pages and their files with the headers that isolate them. */
export function pageRoutes(pages: Pages) {
  const app = new Elysia({ normalize: false });
  for (const { path, body, contentType } of pages) {
    app.get(
      path,
      () =>
        new Response(body, {
          headers: {
            "content-type": contentType,
            "content-security-policy": contentSecurityPolicy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
          },
        }),
      { detail: { hide: true } },
    );
  }
  return app;
}
