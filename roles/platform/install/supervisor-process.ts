import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  configDirectory,
  isSystemdRunning,
  runDirectory,
  secretPath,
  supervisorEnvironmentPath,
} from "./host-files.ts";

const unit = "platform-supervisor.service";
const unitPath = join("/etc/systemd/system", unit);
const installed = "/usr/local/lib/platform/platform-supervisor";
const pidFile = join(runDirectory, "supervisor.pid");
const logFolder = "/var/log/platform";

export interface SupervisorSettings {
  readonly executable: string;
  readonly unit_file: string;
  readonly socket: string;
  readonly admin_port: number;
  readonly ops_port: number;
  /** Null: the installation has no development chain. */
  readonly chain_port: number | null;
  readonly areOverlaysEncrypted: boolean;
}

/**
 * Makes sure that the supervisor runs with these settings: as a systemd unit, or without systemd as a detached process.
 * Returns whether it was started. A supervisor that already runs with these settings is left alone.
 */
export function ensureSupervisor(settings: SupervisorSettings): boolean {
  if (runsAlready(settings)) return false;
  stopSupervisor();
  startSupervisor(settings);
  return true;
}

function startSupervisor(settings: SupervisorSettings): void {
  mkdirSync("/usr/local/lib/platform", { recursive: true });
  copyFileSync(settings.executable, installed);
  Bun.spawnSync(["chmod", "0755", installed]);
  const env = environment(settings);
  writeFileSync(supervisorEnvironmentPath, linesOf(env), { mode: 0o600 });
  if (isSystemdRunning()) {
    writeFileSync(unitPath, readFileSync(settings.unit_file, "utf8"));
    systemctl("daemon-reload");
    systemctl("enable", "--quiet", unit);
    systemctl("start", "--no-block", unit);
    return;
  }
  mkdirSync(logFolder, { recursive: true });
  const log = openSync(join(logFolder, "supervisor.log"), "a");
  const child = Bun.spawn([installed], {
    env: Object.fromEntries(env),
    stdin: "ignore",
    stdout: log,
    stderr: log,
    detached: true,
    cwd: "/",
  });
  child.unref();
  writeFileSync(pidFile, `${child.pid}\n`);
}

function runsAlready(settings: SupervisorSettings): boolean {
  const isSame = (path: string, wanted: Buffer) => existsSync(path) && readFileSync(path).equals(wanted);
  return (
    isSame(installed, readFileSync(settings.executable)) &&
    isSame(supervisorEnvironmentPath, Buffer.from(linesOf(environment(settings)))) &&
    ["database_url", "master_key"].every((name) => isOlder(secretPath(name), supervisorEnvironmentPath)) &&
    (isSystemdRunning()
      ? isSame(unitPath, readFileSync(settings.unit_file)) && isActive()
      : existsSync(pidFile) && isSupervisor(Number(readFileSync(pidFile, "utf8"))))
  );
}

/** The supervisor's settings file is written at each start: a secret that is newer than this file was not read by it. */
function isOlder(path: string, other: string): boolean {
  return existsSync(path) && statSync(path).mtimeMs <= statSync(other).mtimeMs;
}

function isActive(): boolean {
  return Bun.spawnSync(["systemctl", "is-active", "--quiet", unit]).exitCode === 0;
}

function linesOf(env: readonly [string, string][]): string {
  return env.map(([key, value]) => `${key}=${value}\n`).join("");
}

/** Stops the supervisor and removes its systemd unit. Does nothing when it does not run. */
export function stopSupervisor(): void {
  if (existsSync(unitPath)) {
    systemctl("disable", "--quiet", "--now", unit);
    rmSync(unitPath, { force: true });
    systemctl("daemon-reload");
  }
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  if (isSupervisor(pid)) {
    process.kill(pid, "SIGTERM");
    Bun.spawnSync(["timeout", "15", "tail", `--pid=${pid}`, "-f", "/dev/null"]);
    if (isSupervisor(pid)) process.kill(pid, "SIGKILL");
  }
  rmSync(pidFile, { force: true });
}

/** Whether `pid` is our supervisor: the ID may meanwhile belong to another program. */
function isSupervisor(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(installed);
  } catch (error) {
    // The process ended before the file was opened (ENOENT) or while it was read (ESRCH).
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function environment(settings: SupervisorSettings): [string, string][] {
  return [
    ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ["NODE_ENV", "production"],
    ["BUN_OPTIONS", ""],
    ["BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS", "0"],
    ["BUN_CONFIG_MAX_HTTP_REQUESTS", "65535"],
    ["PLATFORM_DATABASE_URL_FILE", join(configDirectory, "database_url")],
    ["PLATFORM_MASTER_KEY_FILE", join(configDirectory, "master_key")],
    ["PLATFORM_DOCKER_SOCKET", settings.socket],
    ["PLATFORM_ADMIN_PORT", String(settings.admin_port)],
    ["PLATFORM_OPS_PORT", String(settings.ops_port)],
    ...(settings.chain_port === null ? [] : [["PLATFORM_CHAIN_PORT", String(settings.chain_port)] as [string, string]]),
    ["PLATFORM_ENCRYPTED_OVERLAYS", String(settings.areOverlaysEncrypted)],
  ];
}

function systemctl(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["systemctl", ...args]);
  if (exitCode !== 0) throw new Error(`systemctl ${args.join(" ")}: ${stderr.toString().trim()}`);
}
