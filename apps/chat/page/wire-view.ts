import type { WireFrame } from "@upwire/client";
import { byId, element, StickyScroll } from "./dom.ts";

const MAX_FRAMES = 200;

interface Frame {
  readonly direction: "in" | "out";
  readonly text: string;
  readonly at: Date;
}

/** Shows the frames that go in and out, newest last. It remembers the last ones also while it is closed. */
export class WireView {
  readonly #panel = byId("wire", HTMLElement);
  readonly #list = byId("frames", HTMLOListElement);
  readonly #toggle = byId("wire-toggle", HTMLButtonElement);
  readonly #pause = byId("wire-pause", HTMLButtonElement);
  readonly #note = byId("wire-note", HTMLElement);
  readonly #scroll = new StickyScroll(this.#list);
  readonly #clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });
  #frames: Frame[] = [];
  #total = 0;
  /** How many had come when it was paused. */
  #pausedAt: number | undefined;

  constructor() {
    this.#toggle.addEventListener("click", () => this.#open(this.#panel.hidden !== false));
    byId("wire-close", HTMLButtonElement).addEventListener("click", () => {
      this.#open(false);
      this.#toggle.focus();
    });
    byId("wire-clear", HTMLButtonElement).addEventListener("click", () => {
      this.#frames = [];
      this.#total = 0;
      if (this.#pausedAt !== undefined) this.#pausedAt = 0;
      this.#showAll();
    });
    this.#pause.addEventListener("click", () => {
      this.#pausedAt = this.#pausedAt === undefined ? this.#total : undefined;
      this.#pause.textContent = this.#pausedAt === undefined ? "Pause" : "Go on";
      if (this.#pausedAt === undefined) this.#showAll();
      else this.#count();
    });
  }

  add({ direction, data }: WireFrame): void {
    const frame = { direction, text: typeof data === "string" ? data : `binary, ${data.byteLength} bytes`, at: new Date() };
    this.#frames.push(frame);
    if (this.#frames.length > MAX_FRAMES) this.#frames.shift();
    this.#total++;
    if (this.#panel.hidden) return;
    this.#count();
    if (this.#pausedAt !== undefined) return;
    this.#scroll.keep();
    this.#list.append(this.#item(frame));
    while (this.#list.childElementCount > MAX_FRAMES) this.#list.firstElementChild?.remove();
  }

  #open(open: boolean): void {
    this.#panel.hidden = !open;
    this.#toggle.setAttribute("aria-expanded", String(open));
    if (open && this.#pausedAt === undefined) this.#showAll();
  }

  #showAll(): void {
    this.#list.replaceChildren(...this.#frames.map((frame) => this.#item(frame)));
    this.#scroll.toEnd();
    this.#count();
  }

  #count(): void {
    const kept = this.#total > MAX_FRAMES ? `the last ${MAX_FRAMES} of ${this.#total} frames` : `${this.#total} ${this.#total === 1 ? "frame" : "frames"}`;
    this.#note.textContent = this.#pausedAt === undefined ? kept : `paused, ${this.#total - this.#pausedAt} more since`;
  }

  #item({ direction, text, at }: Frame): HTMLLIElement {
    const item = element("li");
    item.dataset["direction"] = direction;
    const details = element("details");
    const line = element("summary");
    const arrow = element("b", "", direction === "out" ? "↑" : "↓");
    arrow.setAttribute("role", "img");
    arrow.setAttribute("aria-label", direction === "out" ? "sent" : "received");
    line.append(element("time", "", this.#clock.format(at)), arrow, element("code", "", text));
    details.append(line);
    // Made when it is looked at.
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(element("pre", "", readable(text)));
    });
    item.append(details);
    return item;
  }
}

function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
