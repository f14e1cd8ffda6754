import { Elysia } from "elysia";

/** A file that is served as it is. */
export interface PageFile {
  readonly path: string;
  readonly body: string | Blob;
  readonly contentType: string;
}

export type Pages = readonly PageFile[];

/** Nothing may be loaded from elsewhere, and nobody may frame us. */
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

/** The pages for people and their files, with the headers that keep them to themselves. */
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
