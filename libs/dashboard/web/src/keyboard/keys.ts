import { useEffect, useRef } from 'react';
import { settings } from '../settings.js';

type Handler = (event: KeyboardEvent) => void;

/** The newest part of the page that knows a key gets it. */
const layers: { readonly current: Readonly<Record<string, Handler>> }[] = [];

/** Time for the second key of a pair such as `g q`. */
const PAIR_MS = 1_200;

let first: { readonly key: string; readonly atMs: number } | undefined;

function onKeyDown(event: KeyboardEvent): void {
  if (settings().keys === 'off' || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return;
  const pair = first && event.timeStamp - first.atMs < PAIR_MS ? `${first.key} ${event.key}` : undefined;
  first = undefined;
  const handler = (pair !== undefined && find(pair)) || find(event.key);
  if (handler) {
    event.preventDefault();
    handler(event);
  } else if (event.key === 'g') {
    first = { key: 'g', atMs: event.timeStamp };
  }
}

function find(key: string): Handler | undefined {
  return layers.findLast(({ current }) => current[key])?.current[key];
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName);
}

/** Keys that mean something while this part of the page is there. A pair begins with `g`: `g q`. */
export function useKeys(keys: Readonly<Record<string, Handler>>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    if (layers.length === 0) document.addEventListener('keydown', onKeyDown);
    layers.push(latest);
    return () => {
      layers.splice(layers.indexOf(latest), 1);
      if (layers.length === 0) document.removeEventListener('keydown', onKeyDown);
    };
  }, []);
}
