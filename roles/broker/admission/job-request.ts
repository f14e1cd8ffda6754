import { Value } from "@sinclair/typebox/value";
import { dataTarget } from "#shared/engine/data-volumes.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { faultProblem, valid } from "#shared/http/valid.ts";
import type { JobPolicy } from "#shared/schemas/challenge.ts";
import { isGrantable } from "#shared/schemas/granted-network.ts";
import { JobRequest } from "#shared/schemas/job.ts";
import { sourcePath } from "../job/mount-source.ts";
import { parseBytes, parseTmpfs, parseUlimit } from "../job/quantities.ts";
import type { EngineFeatures } from "../swarm/engine-features.ts";
import { isImageAllowed, parseImageReference } from "./image-reference.ts";
import { pythonRepr } from "./python-repr.ts";

const reserved = ["/", "/proc", "/sys", "/dev", "/run/secrets", "/etc", "/var/run"];
const reservedTree = ["/proc/", "/sys/", "/dev/", "/run/secrets/"];

/** The body as a job request with every default filled in. @throws ProblemError 422 with the field's name, never its value */
export function parseJobRequest(body: unknown): JobRequest {
  return valid(JobRequest, Value.Default(JobRequest, Value.Clone(body)));
}

/**
 * Refuses what no job may ask for, in the order and with the sentences of contract §4.
 *
 * @throws ProblemError 400 or 403 at the first rule that the request breaks
 */
export function checkJobRequest(request: JobRequest, policy: JobPolicy, features: EngineFeatures): void {
  checkMountContents(request);
  checkIsolation(request);
  checkImage(request, policy);
  checkNetwork(request, policy);
  checkQuantities(request);
  checkTmpfs(request, policy, features);
  checkMountTargets(request);
  checkDataTargets(request, policy);
  for (const [name, value] of Object.entries(request.env)) {
    if (/[\0=]/.test(name) || value.includes("\0"))
      throw refuse("invalid_env", "env names may not contain = or NUL, env values may not contain NUL");
  }
  if (request.command.some((word) => word.includes("\0")) || request.workdir?.includes("\0")) {
    throw refuse("invalid_command", "command and workdir may not contain NUL");
  }
  if (request.workdir && !request.workdir.startsWith("/")) throw refuse("invalid_workdir", "workdir must be absolute");
}

/** A fault of the schema, which stands before all other refusals. */
function checkMountContents({ mounts }: JobRequest): void {
  for (const [index, { read_only, blob, archive_b64 }] of mounts.entries()) {
    if (!read_only || blob !== undefined || archive_b64 !== undefined) continue;
    throw faultProblem({ path: `/mounts/${index}`, message: "A read-only mount needs a blob or an archive" });
  }
}

function checkIsolation({ limits }: JobRequest): void {
  if (limits.privileged) {
    throw new ProblemError(403, "privileged", "privileged broker jobs require the allowlisted escape hatch");
  }
  if (!limits.read_only) throw refuse("read_only_required", "broker Docker jobs require a read-only root filesystem");
  if (!limits.init) throw refuse("init_required", "broker Docker jobs require Docker init for process cleanup");
  if (limits.cap_drop.length === 0)
    throw refuse("cap_drop_required", "Docker cap_drop must drop at least one capability");
  if (!limits.cap_drop.includes("ALL"))
    throw refuse("cap_drop_required", "broker Docker jobs must drop all Linux capabilities");
  if (limits.security_opt.length === 0) {
    throw refuse("security_opt_required", "Docker security_opt must include at least one security option");
  }
  if (!limits.security_opt.some((option) => option === "no-new-privileges" || option === "no-new-privileges:true")) {
    throw refuse("security_opt_required", "broker Docker jobs require no-new-privileges");
  }
}

function checkImage({ image }: JobRequest, policy: JobPolicy): void {
  const reference = parseImageReference(image);
  if (!reference) throw refuse("unsafe_image", `unsafe Docker image reference: ${pythonRepr(image)}`);
  if (!isImageAllowed(reference, policy.image_allowlist))
    throw refuse("image_not_allowed", `Docker image is not allowed: ${image}`);
}

function checkNetwork({ limits: { network } }: JobRequest, policy: JobPolicy): void {
  const isNamed = policy.networks.includes(network) && isGrantable(network);
  if (network !== "none" && !(network === "default" && policy.allow_egress) && !isNamed)
    throw refuse("network_not_allowed", "Docker network must be 'none', 'default', or a platform network");
}

function checkQuantities({ limits }: JobRequest): void {
  if (parseBytes(limits.memory) === null) throw refuse("invalid_memory", "memory must be a size such as 512m or 4g");
  if (limits.memory_swap !== null && parseBytes(limits.memory_swap) === null) {
    throw refuse("invalid_memory", "memory_swap must be a size such as 512m or 4g");
  }
  for (const text of limits.ulimits) {
    if (!parseUlimit(text)) throw refuse("invalid_ulimit", `ulimit must be name=soft:hard: ${printable(text)}`);
  }
  if (limits.user !== null && !/^[A-Za-z0-9_][\w.-]*(:[A-Za-z0-9_][\w.-]*)?$/.test(limits.user)) {
    throw refuse("invalid_user", "user must be a name or number, with an optional group after a colon");
  }
}

function checkTmpfs({ limits }: JobRequest, policy: JobPolicy, { hasTmpfsOptions }: EngineFeatures): void {
  for (const text of limits.tmpfs) {
    if (!text.startsWith("/")) throw refuse("invalid_tmpfs", `tmpfs mount must be absolute: ${printable(text)}`);
    const tmpfs = parseTmpfs(text);
    if (!tmpfs) throw refuse("invalid_tmpfs", `tmpfs mount has an unknown option: ${printable(text)}`);
    if (tmpfs.isExec && !policy.allow_tmpfs_exec)
      throw refuse("invalid_tmpfs", `this challenge may not execute files of a tmpfs mount: ${printable(text)}`);
    if (tmpfs.isExec && !hasTmpfsOptions)
      throw refuse("invalid_tmpfs", `tmpfs mounts with exec need Docker Engine 27: ${printable(text)}`);
    checkTarget(tmpfs.target);
  }
}

function checkMountTargets({ mounts }: JobRequest): void {
  const targets = new Set<string>();
  for (const mount of mounts) {
    const { target, blob, archive_b64 } = mount;
    checkTarget(target);
    if (sourcePath(mount) === null) throw refuse("unsafe_mount_source", `unsafe mount source: ${target}`);
    if (targets.has(target)) throw refuse("invalid_mount_target", `mount target is given twice: ${target}`);
    targets.add(target);
    if (blob !== undefined && archive_b64 !== undefined)
      throw refuse("invalid_mount", `mount has both a blob and an archive: ${target}`);
  }
}

/** Refuses targets above or below a data volume: they would hide it, or could not be mounted. */
function checkDataTargets({ mounts, limits }: JobRequest, { data_volumes }: JobPolicy): void {
  const targets = [
    ...mounts.map(({ target }) => target),
    ...limits.tmpfs.flatMap((text) => parseTmpfs(text)?.target ?? []),
  ];
  for (const data of data_volumes.map(dataTarget)) {
    const taken = targets.find((target) => `${data}/`.startsWith(`${target}/`) || target.startsWith(`${data}/`));
    if (taken) throw refuse("invalid_mount_target", `mount target overlaps the data volume ${data}: ${taken}`);
  }
}

/** Refuses a target that is not a plain absolute path, or that the system uses. */
function checkTarget(target: string): void {
  const isPlain =
    /^\/[\w./@+-]*[\w@+-]$/.test(target) &&
    !target.split("/").some((part) => part === "." || part === "..") &&
    !target.includes("//");
  if (!isPlain || reserved.includes(target) || reservedTree.some((tree) => target.startsWith(tree))) {
    throw refuse("invalid_mount_target", `unsafe mount target: ${printable(target)}`);
  }
}

function refuse(code: string, detail: string): ProblemError {
  return new ProblemError(400, code, detail);
}

/** A value of the caller's, safe to print: at most 255 characters of ASCII. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 255);
}
