/** Tells a person on standard error which step runs and how long each step took. */
export interface Progress {
  /** Runs `work` as the step `title` and returns its result. The texts given to `note` are shown when the step ends. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
}

export function createProgress(write: (text: string) => void = (text) => void process.stderr.write(text)): Progress {
  return {
    async step(title, work) {
      const started = performance.now();
      const notes: string[] = [];
      write(`  … ${title}\n`);
      const result = await work((text) => notes.push(text));
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      write(`  ✓ ${title}${notes.length > 0 ? `: ${notes.join(", ")}` : ""} (${seconds} s)\n`);
      return result;
    },
  };
}
