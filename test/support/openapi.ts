import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { projectRoot } from "./runner/suite-list.ts";

/** Redocly's findings in an OpenAPI document, warnings included. */
export async function lintDocument(document: unknown): Promise<unknown[]> {
  const folder = mkdtempSync(join(tmpdir(), "platform-openapi-"));
  try {
    writeFileSync(join(folder, "openapi.json"), JSON.stringify(document));
    const lint = Bun.spawn([join(projectRoot, "node_modules/.bin/redocly"), "lint", "openapi.json", "--format=json"], {
      cwd: folder,
      env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
      stdout: "pipe",
      stderr: "pipe",
    });
    return (JSON.parse(await new Response(lint.stdout).text()) as { problems: unknown[] }).problems;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The schema with every object closed, so that an answer may have no member that the document does not name. */
export function closed(schema: TSchema): TSchema {
  const close = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(close);
    const copy = Object.fromEntries(Reflect.ownKeys(value).map((key) => [key, close(Reflect.get(value, key))]));
    for (const key of Object.getOwnPropertySymbols(value)) Reflect.set(copy, key, Reflect.get(value, key));
    return Reflect.get(value, "type") === "object" && "properties" in value
      ? { ...copy, additionalProperties: false }
      : copy;
  };
  return close(schema) as TSchema;
}
