import { readFileSync } from "node:fs";
import { Command } from "commander";
import { readHotkeyFile } from "#shared/chain/hotkey-file.ts";
import { ports } from "#shared/swarm/addresses.ts";
import { systemClock } from "#shared/time/clock.ts";
import { upload } from "../clients/submissions.ts";

interface SubmitOptions {
  readonly proxy: string;
  readonly netuid: number;
  readonly hotkey: string;
  readonly passwordFile?: string;
}

/** `platform submit` signs a file with a miner's hotkey and uploads it. */
export function submitCommand(): Command {
  return new Command("submit")
    .description("sign a file with a hotkey and upload it to a challenge")
    .argument("<challenge>", "slug of the challenge")
    .argument("<file>", "what to upload")
    .requiredOption("--hotkey <file>", "the hotkey's file")
    .option("--password-file <file>", "password of an encrypted hotkey file")
    .option("--proxy <url>", "the platform's public door", `http://127.0.0.1:${ports.proxy}`)
    .option("--netuid <n>", "the subnet's number", Number, 1)
    .action(async (slug: string, file: string, options: SubmitOptions) => {
      const password = options.passwordFile ? readFileSync(options.passwordFile, "utf8").trimEnd() : undefined;
      const { hotkey, warnings } = await readHotkeyFile(options.hotkey, password === undefined ? {} : { password });
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
      const submission = await upload({
        proxy_url: options.proxy,
        netuid: options.netuid,
        slug,
        signer: hotkey,
        body: readFileSync(file),
        timestamp: Math.floor(systemClock.now() / 1_000),
      });
      process.stdout.write(`${JSON.stringify(submission)}\n`);
    });
}
