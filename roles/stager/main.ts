import { parseArgs } from "node:util";
import { ConfigError, describeSettings } from "#shared/config/load-config.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { type StagerTask, stagerExit } from "#shared/schemas/stager.ts";
import { systemClock } from "#shared/time/clock.ts";
import { type Command, commands, type Prepared } from "./commands.ts";
import { StagerError } from "./outcome.ts";

const options = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  check: { type: "boolean" },
} as const;

/** Ends the process. The exit code is the outcome; the last line of standard output has the details for the broker. */
function finish(code: number, text: string): never {
  process.stdout.write(`${text}\n`);
  process.exit(code);
}

function help(): string {
  return [
    "platform-stager: runs once on a worker, before or after a job",
    "",
    "Usage: platform-stager [--help] [--version] [--check] COMMAND",
    "  --check   only validates the command's configuration",
    ...Object.entries(commands).flatMap(([name, { summary, config }]) => [
      "",
      `${name}: ${summary}`,
      ...describeSettings(config),
    ]),
  ].join("\n");
}

function failure(kind: string, error: unknown): never {
  if (error instanceof ConfigError) {
    return finish(stagerExit.usage, JSON.stringify({ kind, error: "usage", detail: error.problems.join("; ") }));
  }
  const known = error instanceof StagerError ? error : new StagerError("internal", String(error), error);
  return finish(known.exit_code, JSON.stringify({ kind, error: known.code, detail: known.message }));
}

async function run(kind: string, { deadline_ms, run }: Prepared): Promise<never> {
  const stop = new AbortController();
  const late = () => failure(kind, new StagerError("deadline", `not done within ${deadline_ms} ms`));
  // At the deadline the signal lets the work say what it waited for. A second later a hanging process is ended.
  void systemClock.sleep(deadline_ms).then(() => stop.abort(new Error("deadline")));
  void systemClock.sleep(deadline_ms + 1_000).then(late);
  process.on("SIGTERM", () => failure(kind, new StagerError("deadline", "stopped")));
  try {
    const { result, exit_code } = await run(stop.signal);
    return finish(exit_code, JSON.stringify(result));
  } catch (error) {
    return failure(kind, error);
  }
}

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return finish(stagerExit.usage, `platform-stager: ${(error as Error).message}`);
  }
}

const { values, positionals } = parse();
if (values.help) finish(stagerExit.done, help());
if (values.version) finish(stagerExit.done, `platform-stager ${buildInfo.version} (${buildInfo.commit})`);
const kind = positionals.join(" ");
const command: Command | undefined = Object.hasOwn(commands, kind) ? commands[kind as StagerTask] : undefined;
if (command === undefined) finish(stagerExit.usage, `platform-stager: no such command: ${kind}\nTry --help.`);
try {
  const prepared = command.prepare(process.env);
  if (values.check) finish(stagerExit.done, "configuration: ok");
  await run(kind, prepared);
} catch (error) {
  failure(kind, error);
}
