import type { ChatClient } from "./client.ts";
import { byId } from "./dom.ts";

/** How often others are told that we write, and how long they show it. Milliseconds. */
const [TELL_MS, SHOW_MS] = [2000, 3000];

/** Tells others that we write, and shows who does. Without a connection it is told to no one, not even later. */
export class Typing {
  readonly #client: ChatClient;
  readonly #line = byId("typing", HTMLElement);
  #toldAt = -TELL_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: ChatClient) {
    this.#client = client;
    client.on("typing", ({ address }) => {
      if (address === undefined) return;
      clearTimeout(this.#timer);
      this.#line.textContent = `${address} is writing…`;
      this.#timer = setTimeout(() => this.over(), SHOW_MS);
    });
  }

  /** A key was pressed. */
  wrote(): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#client.send("typing", {}, { queue: "drop" });
  }

  /** What was written is here. */
  over(): void {
    this.#line.textContent = "";
  }
}
