import { type Command, InvalidArgumentError, Option } from "commander";
import { resolveEndpoint } from "#shared/chain/networks.ts";
import { ports } from "#shared/swarm/addresses.ts";
import { type DemoOptions, demo } from "../demo/demo.ts";
import { describeDemo } from "../demo/report.ts";
import { down } from "../install/down.ts";
import type { PurgeWord } from "../install/purge.ts";
import { type UpOptions, up } from "../install/up.ts";
import { type GraveChoice, graveChoices } from "../plan/changes.ts";
import { defaultSocket, ownChain, ownDatabase } from "../plan/choices.ts";
import { defaultName, readInstallation } from "../plan/installation-file.ts";
import { runningSocket } from "../plan/running-installation.ts";

/** Adds `platform up`, `platform down` and `platform demo`, which act on the installation of this machine. */
export function addInstallationCommands(program: Command): void {
  addUp(program);
  program
    .command("down")
    .description("remove what `up` made; volumes, choices and secrets only with --purge")
    .option("--purge [name]", "remove volumes, choices and secrets as well; asks for the installation's name")
    .option("--yes", "with --purge=NAME: do not ask", false)
    .option("--socket <path>", "the Docker Engine's socket; the installation's unless given")
    .action((options: { socket?: string; purge?: string | true; yes: boolean }) => {
      return down({
        socket: options.socket ?? installationSocket(),
        installation_name: readInstallation()?.name ?? defaultName(),
        purge: purgeWord(options),
      });
    });
  program
    .command("demo")
    .description("three miners, three submissions, one vector on the development chain")
    .option("--samples <folder>", "folder of the demonstration's programs", "roles/challenge/samples")
    .option("--only-if-new", "do nothing where there is another chain, or a challenge in the registry", false)
    .option("--json", "one JSON object as the last line of standard output", false)
    .option("--started-seconds-ago <n>", "added to the reported duration", wholeNumber, 0)
    .action(async (options: DemoOptions & { json: boolean }) => {
      const report = await demo(options);
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describeDemo(report));
    });
}

function purgeWord({ purge, yes }: { readonly purge?: string | true; readonly yes: boolean }): PurgeWord | null {
  if (purge === undefined) return null;
  return { name: purge === true ? null : purge, isSure: yes };
}

/** The path of the Docker Engine's socket: from the installation's file, else from the running supervisor, else the default. */
export function installationSocket(): string {
  return readInstallation()?.engine.socket ?? runningSocket() ?? defaultSocket;
}

function addUp(program: Command): void {
  program
    .command("up")
    .description("make this machine a running platform, or bring it up to date; what is chosen is remembered")
    .option("--name <name>", "the installation's name; the machine's unless chosen")
    .addOption(port("--proxy-port", `public port of the proxy (${ports.proxy})`))
    .addOption(port("--admin-port", "loopback port of the admin API (8081)"))
    .addOption(port("--ops-port", "loopback port of the operator's routes (8090)"))
    .addOption(port("--chain-port", `port of the development chain (${ports.devchain})`))
    .option("--netuid <n>", "the subnet's number (1)", wholeNumber)
    .option(
      "--chain-endpoint <urls>",
      `chain to use, comma separated, or \`${ownChain}\` for one of its own`,
      endpoints,
    )
    .option("--database-url <url>", `Postgres to use, or \`${ownDatabase}\` for one of its own`)
    .option("--epoch-seconds <n>", "seconds between two sealed vectors", wholeNumber)
    .option("--encryption", "overlay networks with ESP")
    .option("--no-encryption", "overlay networks without ESP, where the kernel lacks it")
    .option("--advertise-addr <address>", "this node's address in a Swarm that is made")
    .option("--socket <path>", `the Docker Engine's socket (${defaultSocket})`)
    .addOption(
      new Option("--confirm-change <choices>", `confirms a change of these: ${graveChoices.join(",")}`)
        .argParser(graveList)
        .default([], "none"),
    )
    .option("--adopt-engine", "make an engine that runs other containers a Swarm", false)
    .option("--demo", "refuse at once what a demonstration could not follow")
    .option("--dist <folder>", "folder of the compiled release", "dist")
    .option("--unit-file <file>", "systemd unit of the supervisor", "deploy/systemd/platform-supervisor.service")
    .action((options: UpOptions) => up(options));
}

function port(flag: string, what: string): Option {
  return new Option(`${flag} <port>`, what).argParser((text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
    throw new InvalidArgumentError("expected a port, 1 to 65535");
  });
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}

function endpoints(text: string): string[] {
  if (text === ownChain) return [text];
  return text.split(",").map((endpoint) => {
    try {
      resolveEndpoint(endpoint);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
    return endpoint;
  });
}

function graveList(text: string): GraveChoice[] {
  return text.split(",").map((name) => {
    const known = graveChoices.find((choice) => choice === name);
    if (known) return known;
    throw new InvalidArgumentError(`expected ${graveChoices.join(", ")}, comma separated`);
  });
}
