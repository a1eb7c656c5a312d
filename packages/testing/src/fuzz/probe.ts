import type { Target } from "../target.ts";
import { WireClient } from "../wire-client.ts";

/** Echoes on one connection; then the next probe makes a handshake too. */
const PROBES_PER_CONNECTION = 16;

/** A good client of an echo server. */
export class Probe {
  readonly #timeoutMs: number;
  #target: Target;
  #client: WireClient | undefined;
  count = 0;

  constructor(target: Target, timeoutMs: number) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
  }

  /** The server was started anew. */
  move(target: Target): void {
    this.end();
    this.#target = target;
  }

  /** Why a good client is not served, or `undefined`. Never rejects. */
  async fault(): Promise<string | undefined> {
    const late = AbortSignal.timeout(this.#timeoutMs);
    try {
      const text = `probe ${++this.count}`;
      const client = (this.#client ??= await this.#connect(late));
      client.sendText(text);
      const echo = await client.nextMessage(this.#timeoutMs);
      if (echo.text !== text) throw new Error(`the echo of ${text} was ${JSON.stringify(echo.text.slice(0, 80))}`);
      const [violation] = client.violations;
      if (violation !== undefined) throw new Error(violation);
      if (this.count % PROBES_PER_CONNECTION === 0) this.end();
      return undefined;
    } catch (error) {
      this.end();
      return (error as Error).message;
    }
  }

  end(): void {
    this.#client?.reset();
    this.#client = undefined;
  }

  async #connect(late: AbortSignal): Promise<WireClient> {
    const client = await WireClient.open(this.#target);
    const onLate = (): void => void client.socket.destroy();
    late.addEventListener("abort", onLate);
    try {
      await client.answered;
    } finally {
      late.removeEventListener("abort", onLate);
    }
    if (client.status !== 101) throw new Error(`the handshake was answered with ${client.status}`);
    return client;
  }
}
