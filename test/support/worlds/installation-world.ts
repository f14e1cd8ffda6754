import { join } from "node:path";
import type { Service, ServiceSpec } from "#shared/engine/engine.ts";
import { type Lab, startLab } from "../../lab/lab.ts";

const root = join(import.meta.dir, "../../..");
const dist = join(root, "dist");
const command_ms_max = 170_000;

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine on which an operator installs a platform by the command line only. */
export interface InstallationWorld extends AsyncDisposable {
  readonly lab: Lab;
  /** Runs `platform …` without a terminal. */
  platform(...words: string[]): Promise<CommandResult>;
  /** Runs `platform …` on a terminal, where `answer` and Enter are typed. */
  platformAnswered(answer: string, ...words: string[]): Promise<CommandResult>;
  /** Runs `platform up …` from the release's folder. @throws Error when it fails */
  up(...words: string[]): Promise<CommandResult>;
  /** A file of the machine, or null. */
  file(path: string): Promise<string | null>;
  /** The state of each role's service, by name. Equal maps mean that nothing was changed. */
  services(): Promise<Record<string, ServiceSpec>>;
  /** Settings in the environment of a role's service. */
  settings(role: string): Promise<Record<string, string>>;
}

export async function startInstallation(): Promise<InstallationWorld> {
  const lab = await startLab({ nodes: [{ name: "manager" }] });
  const { manager } = lab;
  // A folder of this machine for the supervisor's executable, because the lab's machines share the host's default one.
  const library = join(manager.directory, "lib");
  await manager.exec(["sh", "-c", `mkdir -p ${library} && mount --bind ${library} /usr/local/lib`]);
  const platform = async (...words: string[]): Promise<CommandResult> =>
    await manager.exec([join(dist, "platform-platform"), ...words], { timeout_ms: command_ms_max });
  const services = async () =>
    (await manager.docker.listServices({
      filters: { label: ["platform.kind=role"] },
    })) as unknown as readonly Service[];
  return {
    lab,
    platform,
    platformAnswered: async (answer, ...words) => {
      const command = [join(dist, "platform-platform"), ...words].join(" ");
      const typed = `echo '${answer}' | script --quiet --return --command "${command}" /dev/null`;
      return await manager.exec(["sh", "-c", typed], { timeout_ms: command_ms_max });
    },
    async up(...words) {
      const result = await platform(
        "up",
        "--dist",
        dist,
        "--unit-file",
        join(root, "deploy/systemd/platform-supervisor.service"),
        ...words,
      );
      if (result.exitCode !== 0) throw new Error(`platform up ${words.join(" ")}: ${result.stderr}`);
      return result;
    },
    async file(path) {
      const { exitCode, stdout } = await manager.exec(["cat", path]);
      return exitCode === 0 ? stdout : null;
    },
    services: async () => Object.fromEntries((await services()).map(({ Spec }) => [Spec.Name, Spec])),
    async settings(role) {
      const service = (await services()).find(({ Spec }) => Spec.Name === `platform-${role}`);
      const lines = service?.Spec.TaskTemplate.ContainerSpec.Env ?? [];
      return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
    },
    [Symbol.asyncDispose]: () => lab.stop(),
  };
}
