import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { ImageEntry } from "./image-archive.ts";

/** The user ID, and group ID, under which all our images run. No machine has a user of this ID. */
export const user = 65_532;

/** Puts the file at `from` into the image as `path`. Links are followed. */
export function file(from: string, path: string, mode = 0o644): ImageEntry {
  return { path, mode, body: readFileSync(from) };
}

/** Puts all files and links below the folder `from` into the image. Executables stay executable. */
export function tree(from: string, path: string): ImageEntry[] {
  return readdirSync(from, { recursive: true, encoding: "utf8" }).flatMap((name): ImageEntry[] => {
    const source = join(from, name);
    const found = lstatSync(source);
    if (found.isSymbolicLink()) return [{ path: `${path}/${name}`, linkTo: readlinkSync(source) }];
    return found.isFile() ? [file(source, `${path}/${name}`, found.mode & 0o111 ? 0o755 : 0o644)] : [];
  });
}

/**
 * The shared libraries that `ldd` names for a program, with the dynamic loader, at the paths where the program looks
 * for them.
 */
export function librariesOf(program: string, env: Readonly<Record<string, string>> = {}): ImageEntry[] {
  const { stdout, exitCode, stderr } = Bun.spawnSync(["ldd", program], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  if (exitCode !== 0) throw new Error(`ldd ${program}: ${stderr.toString()}`);
  const paths = [...stdout.toString().matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  return paths.map((path) => file(path, path, 0o755));
}

/** The parts of a system that a program expects: a name for its user, a folder for temporary files, and a folder for its data. */
export function foundation(): ImageEntry[] {
  const text = (content: string) => Buffer.from(content);
  return [
    { path: "/etc/passwd", body: text(`root:x:0:0:root:/:/none\nplatform:x:${user}:${user}:platform:/data:/none\n`) },
    { path: "/etc/group", body: text(`root:x:0:\nplatform:x:${user}:\n`) },
    { path: "/etc/nsswitch.conf", body: text("hosts: files dns\n") },
    { path: "/tmp/", mode: 0o1777 },
    { path: "/data/", mode: 0o750, owner: user },
  ];
}

const certificateBundle = "/etc/ssl/certs/ca-certificates.crt";

/** The certificate authorities that the build machine trusts. */
export function certificates(): ImageEntry[] {
  if (!existsSync(certificateBundle))
    throw new Error(`${certificateBundle} is missing: apt-get install ca-certificates`);
  return [file(certificateBundle, certificateBundle)];
}

const busyboxPaths = ["/bin/busybox", "/usr/bin/busybox"];

/** A static busybox with links for `applets`. */
export function busybox(applets: readonly string[]): ImageEntry[] {
  const found = busyboxPaths.find((path) => existsSync(path));
  if (!found) throw new Error("no busybox: apt-get install busybox-static");
  const program = file(found, "/bin/busybox", 0o755);
  // Only a dynamically linked program contains the path of the loader.
  if (Buffer.from(program.body ?? []).includes("/lib64/ld-linux"))
    throw new Error(`${found} is not static: apt-get install busybox-static`);
  return [program, ...applets.map((applet) => ({ path: `/bin/${applet}`, linkTo: "busybox" }))];
}
