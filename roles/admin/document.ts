import { swagger } from "@elysiajs/swagger";
import { buildInfo } from "#shared/process/build-info.ts";
import { componentSchemas } from "./operation.ts";

export const documentPath = "/openapi.json";
/** The plugin's own page loads its script from elsewhere: the app answers 404 here, and `/docs` is ours. */
export const hiddenPagePath = "/plugin-page";

/** The OpenAPI 3.1 document of the routes of the app that uses it. */
export function createDocument() {
  return swagger({
    provider: "swagger-ui",
    path: hiddenPagePath,
    specPath: documentPath,
    excludeStaticFile: false,
    exclude: [/^\/(docs.*|assets.*)?$/],
    documentation: {
      openapi: "3.1.0",
      info: {
        title: "Platform admin API",
        version: buildInfo.version,
        description:
          "Administers the challenges of one subnet. Every change is written to a hash-chained audit log. " +
          "Errors are RFC 9457 problem details with a stable code.",
        license: { name: "MIT", url: "https://opensource.org/license/mit" },
      },
      servers: [{ url: "/", description: "where this document came from" }],
      security: [{ admin_token: [] }],
      tags: [
        { name: "challenges", description: "The registry" },
        { name: "tokens", description: "Admin tokens" },
        { name: "status", description: "What runs" },
        { name: "nodes", description: "The Swarm's nodes, and what is wanted of them" },
        { name: "epochs", description: "Sealed weights and what they were made of" },
        { name: "audit", description: "Who did what" },
        { name: "public", description: "What everyone may read through the proxy" },
      ],
      components: {
        schemas: componentSchemas,
        securitySchemes: { admin_token: { type: "http", scheme: "bearer", description: "an admin token" } },
      },
    },
  });
}
