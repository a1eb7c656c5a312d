/** Numbers that look random, the same at every run. */
function* numbers(): Generator<number, never> {
  for (let state = 20_261_121; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const NAMES = "ada grace linus ken dennis barbara edsger donald alan margaret".split(" ");
const WORDS =
  "the of and to in that is was he for it with as his on be at by had not are but from or have an they which one you were her all she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these two may then do first any my now such like our over man me even most made after also did many before must through back years where much your way well down should because each just those people how too little state good very make world still own see men work long get here between both life being under never day same another know while last might us great old year off come since against go came right used take three".split(
    " ",
  );

/** What an application could broadcast: chat, prices, orders and the state of a game, 60 bytes to 1 KiB each. */
export function jsonMessages(count: number): string[] {
  const source = numbers();
  const below = (limit: number): number => Math.floor(source.next().value * limit);
  const pick = (list: readonly string[]): string => list[below(list.length)] ?? "";
  const list = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index));
  const hex = (length: number): string => list(length, () => below(16).toString(16)).join("");
  const id = (): string => [8, 4, 4, 4, 12].map(hex).join("-");
  let time = 1_763_900_000_000;
  const now = (): string => new Date((time += below(9000))).toISOString();
  const price = (most: number): number => below(most * 100) / 100;
  const kinds = [
    () => ({ type: "price", symbol: pick(["AAPL", "MSFT", "BTC-EUR", "SAP.DE"]), bid: price(900), ask: price(900), at: now() }),
    () => ({
      type: "message",
      id: id(),
      room: "general",
      from: { id: 1000 + below(40), name: pick(NAMES) },
      text: list(4 + below(14), () => pick(WORDS)).join(" "),
      at: now(),
    }),
    () => ({
      type: "order.updated",
      id: id(),
      order: {
        number: 100_000 + below(90_000),
        status: pick(["new", "paid", "packed", "sent"]),
        total: price(500),
        lines: list(2 + below(3), () => ({ sku: `SKU-${hex(6)}`, quantity: 1 + below(4), price: price(99) })),
      },
      at: now(),
    }),
    () => ({
      type: "state",
      players: list(10, (at) => ({
        id: at,
        name: NAMES[at],
        x: below(10_000) / 10,
        y: below(10_000) / 10,
        hp: below(100),
        anim: pick(["run", "idle", "jump"]),
      })),
    }),
  ];
  return list(count, () => JSON.stringify(kinds[below(kinds.length)]?.()));
}
