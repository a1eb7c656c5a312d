import type { PeoplePanel } from "./people-panel.ts";

/** Some are of people who left before this page came: it never learns their names. */
const MAX_WAITING = 100;

interface Waiting {
  readonly id: string;
  readonly who: HTMLElement;
  readonly title: () => string;
}

/** Entries that show an id until its name is known: what was missed in a room may come before the list of who is here. */
export class LateNames {
  #waiting: Waiting[] = [];

  add(entry: Waiting): void {
    this.#waiting.push(entry);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
  }

  /** More people are known. */
  fillIn(people: PeoplePanel): void {
    for (const { id, who, title } of this.#waiting) if (people.knows(id)) who.textContent = title();
    this.#waiting = this.#waiting.filter(({ id }) => !people.knows(id));
  }
}
