import type { Status } from "../src/contract.ts";
import { byId, element } from "./dom.ts";
import type { Tally } from "../src/tally.ts";

/** The sums, and a row for each tab that said something. */
export class CountsPanel {
  readonly #tally: Tally;
  readonly #rows = byId("senders", HTMLElement);
  #isPending = false;
  #status: Status | undefined;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  known(status: Status): void {
    this.#status = status;
    this.changed();
  }

  /** Once per frame, however much comes. */
  changed(): void {
    if (this.#isPending) return;
    this.#isPending = true;
    requestAnimationFrame(() => {
      this.#isPending = false;
      this.#show();
    });
  }

  #show(): void {
    const { total, senders } = this.#tally;
    for (const name of ["received", "lost", "doubled"] as const) {
      const count = byId(name, HTMLElement);
      count.textContent = total[name].toLocaleString("en");
      count.dataset["zero"] = String(total[name] === 0);
    }
    const own = this.#status?.server.number;
    this.#rows.replaceChildren(
      ...senders.map(({ name, via, received, lost, doubled }) => {
        const row = element("tr");
        const route = via === own ? `${via}` : `${via} → ${own ?? "?"}`;
        for (const [index, text] of [name, route, String(received), String(lost), String(doubled)].entries())
          row.append(element(index === 0 ? "th" : "td", "", text));
        return row;
      }),
    );
  }
}
