import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import { buildInfo } from "../process/build-info.ts";
import { Problem } from "../schemas/problem.ts";
import { plain } from "./operation.ts";
import { ProblemError } from "./problem.ts";

const documentPath = "/openapi.json";
/** The plugin's own page loads its script from elsewhere: it is answered as if it were not there. */
const hiddenPagePath = "/plugin-page";

export interface DocumentOptions {
  readonly title: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** How a caller shows who it is: OpenAPI security schemes by name, all of them needed at once. */
  readonly security: Readonly<Record<string, object>>;
}

/** The OpenAPI 3.1 document at `/openapi.json` of the routes of the app that uses it: to be used after they are. */
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

/** To be used before any route: the plugin's page is not ours. */
export const hidePluginPage = new Elysia().onRequest(({ request }) => {
  if (new URL(request.url).pathname === hiddenPagePath)
    throw new ProblemError(404, "not_found", "There is nothing at this path.");
});
