import { LeadLostError } from "#shared/database/lead.ts";
import { type Pace, pauseAfter } from "../../../roles/broker/leader/pace.ts";
import type { Dispatcher } from "../../../roles/broker/leader/tick.ts";
import type { VirtualClock } from "../model/virtual-clock.ts";

/** A broker's process. It can be killed, or stalled for a while, at any of its calls. */
export class BrokerProcess {
  readonly #clock: VirtualClock;
  readonly #trace: (name: string, of: string) => void;
  #isDead = false;
  #stalled_until_ms = 0;

  constructor(clock: VirtualClock, trace: (name: string, of: string) => void) {
    this.#clock = clock;
    this.#trace = trace;
  }

  kill(): void {
    this.#isDead = true;
  }

  stall(ms: number): void {
    this.#stalled_until_ms = this.#clock.monotonic() + ms;
  }

  /** The target as this process reaches it. A dead process sends no more calls; a stalled one delays them. */
  through<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const call = of[name as keyof T];
        if (typeof call !== "function") return call;
        return (...words: unknown[]) => {
          if (this.#isDead) return new Promise(() => undefined);
          this.#trace(String(name), typeof words[0] === "string" ? words[0] : "");
          const left_ms = this.#stalled_until_ms - this.#clock.monotonic();
          if (left_ms <= 0 || name === "taskLogs") return call.apply(of, words);
          return this.#clock.sleep(left_ms).then(() => call.apply(of, words));
        };
      },
    });
  }

  async run(dispatcher: Dispatcher, tick_ms: number): Promise<void> {
    while (!this.#isDead) {
      let pace: Pace = "soon";
      try {
        pace = await dispatcher.tick();
      } catch (error) {
        if (error instanceof LeadLostError) break;
      }
      await this.#clock.sleep(pauseAfter(pace, tick_ms, 0).pause_ms);
    }
    void dispatcher.settle();
  }
}
