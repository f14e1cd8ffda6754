import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import { buildInfo } from "../process/build-info.ts";
import { Problem } from "../schemas/problem.ts";
import { plain } from "./operation.ts";
import { ProblemError } from "./problem.ts";

const documentPath = "/openapi.json";
/** The plugin's own page loads a script from another origin, so it is answered with 404. */
const hiddenPagePath = "/plugin-page";

export interface DocumentOptions {
  readonly title: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** How a caller shows who it is: OpenAPI security schemes by name, all of them needed at once. */
  readonly security: Readonly<Record<string, object>>;
}

/** Serves the OpenAPI 3.1 document of an app's routes at `/openapi.json`. Use it after the routes. */
export function createDocument({ title, description, tags, security }: DocumentOptions) {
  const securitySchemes = security as Record<string, never>;
  return swagger({
    provider: "swagger-ui",
    path: hiddenPagePath,
    specPath: documentPath,
    excludeStaticFile: false,
    exclude: [/^\/(docs.*|assets.*)?$/],
    documentation: {
      openapi: "3.1.0",
      info: {
        title,
        version: buildInfo.version,
        description: `${description} Errors are RFC 9457 problem details with a stable code.`,
        license: { name: "MIT", url: "https://opensource.org/license/mit" },
      },
      servers: [{ url: "/", description: "where this document came from" }],
      security: [Object.fromEntries(Object.keys(security).map((name) => [name, []]))],
      tags: Object.entries(tags).map(([name, text]) => ({ name, description: text })),
      components: { schemas: { Problem: plain(Problem) }, securitySchemes },
    },
  });
}

/** Hides the plugin's page. Use it before any route. */
export const hidePluginPage = new Elysia().onRequest(({ request }) => {
  if (new URL(request.url).pathname === hiddenPagePath)
    throw new ProblemError(404, "not_found", "There is nothing at this path.");
});
