import { tryRun } from "./command.ts";

const tools = ["ip", "iptables", "nsenter", "unshare", "setsid", "flock", "apt-get", "dpkg"];

/** One sentence for each thing that this machine lacks to run a lab. Empty when it lacks nothing. */
export async function missingForLab(): Promise<string[]> {
  if (process.platform !== "linux") return ["a lab needs Linux"];
  if (process.getuid?.() !== 0) return ["a lab needs root, for network namespaces and engines of its own"];
  const missing = tools.filter((tool) => !Bun.which(tool)).map((tool) => `a lab needs the command ${tool}`);
  if (missing.length > 0) return missing;
  const bare = await tryRun(["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"]);
  if (bare.exitCode !== 0) return [`a lab needs network, mount and process namespaces: ${bare.stderr.trim()}`];
  const veth = await tryRun([
    "unshare",
    "--net",
    "sh",
    "-c",
    "ip link add lab0 type bridge && ip link add lab1 type veth && ip link add lab2 type vxlan id 1 dstport 4789",
  ]);
  if (veth.exitCode !== 0) return [`a lab needs bridges, veth pairs and VXLAN in the kernel: ${veth.stderr.trim()}`];
  const tables = await tryRun(["unshare", "--net", "iptables", "--table", "nat", "--list"]);
  return tables.exitCode === 0 ? [] : [`a lab needs working iptables: ${tables.stderr.trim()}`];
}
