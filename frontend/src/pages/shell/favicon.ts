/** The tab's icon, with a dot while something needs the operator. Both are files: the policy allows no inline image. */
export function markFavicon(isMarked: boolean): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const wanted = isMarked ? "/favicon-dot.svg" : "/favicon.svg";
  if (link !== null && link.getAttribute("href") !== wanted) link.setAttribute("href", wanted);
}
