/** The element with this id. @throws TypeError for one that is missing or of another kind: then the page and its script do not belong together. */
export function byId<E extends Element>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new TypeError(`#${id} is no ${kind.name}`);
}

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

/** Keeps a list scrolled to its newest line while its reader is there, and leaves it alone otherwise. */
export class StickyScroll {
  readonly #list: HTMLElement;
  readonly #onChange: (isAtEnd: boolean) => void;
  #isAtEnd = true;
  #isPending = false;

  constructor(list: HTMLElement, onChange: (isAtEnd: boolean) => void = () => {}) {
    this.#list = list;
    this.#onChange = onChange;
    list.addEventListener("scroll", () => {
      if (this.#isPending) return;
      this.#isAtEnd = this.#measure();
      if (this.#isAtEnd) this.#onChange(true);
    });
    new ResizeObserver(() => {
      if (this.#isAtEnd) this.toEnd();
    }).observe(list);
  }

  /** Call it before the list changes. It measures and scrolls once per frame, so that a flood does not force a layout per line. */
  keep(): void {
    if (this.#isPending) return;
    this.#isPending = true;
    this.#isAtEnd = this.#measure();
    requestAnimationFrame(() => {
      this.#isPending = false;
      if (this.#isAtEnd) this.toEnd();
      this.#onChange(this.#isAtEnd);
    });
  }

  toEnd(): void {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #measure(): boolean {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
  }
}
