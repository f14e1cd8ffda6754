import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { archiveEvents } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { tarOf } from "../builders/archives/tar-builder.ts";

export interface FakeSpec {
  readonly image: string;
  readonly command: readonly string[];
  readonly mounts: readonly { readonly target: string; readonly read_only: boolean; readonly blob?: string }[];
  readonly limits?: { readonly gpu_count?: number };
}

/** Runs a job's command with the machine's busybox. Paths of its mounts in the command are replaced by folders. */
export async function runJob(spec: FakeSpec, blobs: ReadonlyMap<string, Uint8Array>) {
  const root = mkdtempSync(join(tmpdir(), "fake-job-"));
  try {
    for (const { target, blob } of spec.mounts) {
      mkdirSync(join(root, target), { recursive: true });
      if (blob) await extract(blobs.get(blob), join(root, target));
    }
    const words = spec.command.flatMap((word) =>
      word === "/bin/sh" ? ["busybox", "sh"] : toFolders(word, spec, root),
    );
    const child = Bun.spawn(words, {
      cwd: root,
      env: { PATH: "/usr/bin:/bin" },
      stdout: "ignore",
      stderr: "ignore",
      timeout: 10_000,
    });
    const exit_code = await child.exited;
    const outputs = spec.mounts.flatMap(({ target, read_only }, mount): [number, Uint8Array][] =>
      read_only ? [] : [[mount, packed(join(root, target))]],
    );
    return { exit_code, outputs };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function toFolders(word: string, { mounts }: FakeSpec, root: string): string {
  return mounts.reduce(
    (text, { target }) => text.replaceAll(`${target}/`, `${join(root, target)}/`),
    word.replaceAll("/bin/busybox", "busybox"),
  );
}

async function extract(tar: Uint8Array | undefined, folder: string): Promise<void> {
  if (!tar) throw new Error("the job names a blob that was not uploaded");
  let file = "";
  for await (const event of archiveEvents(new Blob([tar as BlobPart]).stream(), limits.archive)) {
    if (event.kind === "data") writeFileSync(file, event.data, { flag: "a" });
    else if (event.entry.kind === "file") {
      file = join(folder, event.entry.name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, "");
    }
  }
}

const packed = (folder: string) =>
  tarOf(readdirSync(folder).map((name) => ({ name, content: readFileSync(join(folder, name)) })));
