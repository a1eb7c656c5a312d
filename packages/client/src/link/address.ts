/** A value, or a function that is asked for it at each try. */
export type Given<T> = T | (() => T | Promise<T>);

export async function valueOf<T extends string | URL | string[] | undefined>(given: Given<T>): Promise<T> {
  return typeof given === "function" ? given() : given;
}

/**
 * What `new WebSocket` takes everywhere: a relative address is of the page, and `http` becomes `ws`.
 * @throws TypeError for what is no URL; a relative one is none where there is no page
 */
export function webSocketAddress(url: string | URL): string {
  const address = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}
