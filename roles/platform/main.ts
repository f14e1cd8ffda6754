import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { ProblemError } from "#shared/http/problem.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { ports } from "#shared/swarm/addresses.ts";
import { challengeCommand } from "./commands/challenge.ts";
import { submitCommand } from "./commands/submit.ts";
import { workerCommand } from "./commands/worker.ts";
import { type DemoOptions, demo } from "./demo/demo.ts";
import { describeDemo } from "./demo/report.ts";
import { down } from "./install/down.ts";
import { type UpOptions, up } from "./install/up.ts";
import { status } from "./status.ts";

const port = (flag: string, what: string, fallback: number) =>
  new Option(`${flag} <port>`, what).default(fallback).argParser((text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
    throw new InvalidArgumentError("expected a port, 1 to 65535");
  });
const number = (text: string) => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
};
const list = (text: string) => text.split(",");

const program = new Command("platform")
  .description("runs a Platform installation: its Swarm, its roles, its challenges")
  .version(`platform-platform ${buildInfo.version} (${buildInfo.commit})`)
  .showHelpAfterError("(try --help)");

/** Options that `up` and `demo` share, since `deploy/up.sh` passes the same words to both. */
function installation(command: Command): Command {
  return command
    .addOption(port("--proxy-port", "public port of the proxy", ports.proxy))
    .addOption(port("--admin-port", "loopback port of the admin API", 8081))
    .addOption(port("--ops-port", "loopback port of the operator's routes", 8090))
    .addOption(port("--chain-port", "port of the development chain", ports.devchain))
    .option("--netuid <n>", "the subnet's number", number, 1)
    .option("--chain-endpoint <urls>", "chain to use instead of the development chain, comma separated", list)
    .option("--database-url <url>", "Postgres to use instead of the embedded one")
    .option("--advertise-addr <address>", "this node's address in a Swarm that is made")
    .option("--adopt-engine", "make an engine that runs other containers a Swarm", false)
    .option("--no-encryption", "overlay networks without ESP, where the kernel lacks it")
    .option("--epoch-seconds <n>", "seconds between two sealed vectors", number)
    .option("--socket <path>", "the Docker Engine's socket", "/var/run/docker.sock")
    .option("--dist <folder>", "folder of the compiled release", "dist")
    .option("--unit-file <file>", "systemd unit of the supervisor", "deploy/systemd/platform-supervisor.service")
    .option("--samples <folder>", "folder of the demonstration's programs", "roles/challenge/samples");
}

installation(program.command("up"))
  .description("make this machine a running platform, or bring it up to date")
  .action((options: UpOptions) => up(options));

program
  .command("down")
  .description("remove what `up` made; volumes and secrets only with --purge")
  .option("--purge", "remove volumes and secrets as well", false)
  .option("--socket <path>", "the Docker Engine's socket", "/var/run/docker.sock")
  .action((options: { socket: string; purge: boolean }) => down(options));

installation(program.command("demo"))
  .description("three miners, three submissions, one vector on the development chain")
  .option("--json", "one JSON object as the last line of standard output", false)
  .option("--started-seconds-ago <n>", "added to the reported duration", number, 0)
  .action(async (options: DemoOptions & { json: boolean }) => {
    const report = await demo(options);
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describeDemo(report));
  });

program
  .command("status")
  .description("services, nodes and readiness of this installation")
  .option("--socket <path>", "the Docker Engine's socket", "/var/run/docker.sock")
  .option("--json", "as JSON", false)
  .action(async (options: { socket: string; json: boolean }) => {
    const { text, isReady } = await status(options);
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
