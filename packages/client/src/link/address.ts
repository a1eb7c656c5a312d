/**
 * What `new WebSocket` takes everywhere: a relative address is of the page, `http` becomes `ws`, and there is no fragment.
 * @throws TypeError for what is no URL here.
 */
export function webSocketAddress(url: string | URL): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  if (!URL.canParse(url, page)) throw new TypeError(`"${String(url)}" is no URL here; give one such as wss://example.com/ws`);
  const address = new URL(url, page);
  address.protocol = address.protocol.replace("http", "ws");
  address.hash = "";
  return address.href;
}
