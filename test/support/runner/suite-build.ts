import { existsSync } from "node:fs";
import { join } from "node:path";
import { prepareRelease } from "../../../deploy/release.ts";
import { projectRoot, type SuiteRun } from "./suite-list.ts";

/** Compiles the roles and makes their images once, before the suites, if a suite needs them and their sources changed. */
export async function prepareBuild(runs: readonly SuiteRun[]): Promise<void> {
  const needs = new Set(runs.flatMap((run) => run.needs));
  if (needs.size === 0 || !existsSync(join(projectRoot, "roles"))) return;
  await prepareRelease([...needs], (line) => process.stdout.write(`${line}\n`));
}
