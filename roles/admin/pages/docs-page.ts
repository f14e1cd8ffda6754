import swaggerStyle from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import swaggerScript from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import type { Pages } from "../routes/page.ts";
import page from "./docs.html" with { type: "text" };
import start from "./docs-start.js.txt" with { type: "text" };

/** Swagger UI, served from the executable. No request leaves the origin. */
export function docsPages(): Pages {
  return [
    { path: "/docs", body: String(page), contentType: "text/html; charset=utf-8" },
    { path: "/docs/start.js", body: start, contentType: "text/javascript; charset=utf-8" },
    {
      path: "/docs/swagger-ui-bundle.js",
      body: Bun.file(String(swaggerScript)),
      contentType: "text/javascript; charset=utf-8",
    },
    { path: "/docs/swagger-ui.css", body: Bun.file(String(swaggerStyle)), contentType: "text/css; charset=utf-8" },
  ];
}
