import { readFileSync } from "node:fs";
import { Command } from "commander";
import { ProblemError } from "#shared/http/problem.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { challengeCommand } from "./commands/challenge.ts";
import { addInstallationCommands, installationSocket } from "./commands/installation.ts";
import { submitCommand } from "./commands/submit.ts";
import { workerCommand } from "./commands/worker.ts";
import { status } from "./status.ts";

const program = new Command("platform")
  .description("runs a Platform installation: its Swarm, its roles, its challenges")
  .version(`platform-platform ${buildInfo.version} (${buildInfo.commit})`)
  .showHelpAfterError("(try --help)");

addInstallationCommands(program);

program
  .command("status")
  .description("services, nodes and readiness of this installation")
  .option("--socket <path>", "the Docker Engine's socket; the installation's unless given")
  .option("--json", "as JSON", false)
  .action(async ({ socket = installationSocket(), json }: { socket?: string; json: boolean }) => {
    const { text, isReady } = await status({ socket, json });
    process.stdout.write(text);
    if (!isReady) process.exitCode = 1;
  });

program.addCommand(challengeCommand((path) => JSON.parse(readFileSync(path, "utf8"))));
program.addCommand(submitCommand());
program.addCommand(workerCommand());

try {
  await program.parseAsync();
} catch (error) {
  const code = error instanceof ProblemError ? ` (${error.code})` : "";
  process.stderr.write(`platform: ${(error as Error).message}${code}\n`);
  process.exit(1);
}
process.exit();
