import { type DOMAttributes, useState } from 'react';

const hasNoPointer = matchMedia('(hover: none)');

/**
 * Whether somebody points at a list or has the focus in it, so that its rows must not move. On a touch screen nobody
 * knows where the finger goes next: there they never move by themselves.
 */
export function useHold<Element extends HTMLElement>(): readonly [isHeld: boolean, handlers: DOMAttributes<Element>] {
  const [isPointedAt, setPointedAt] = useState(false);
  const [hasFocus, setFocus] = useState(false);
  return [
    isPointedAt || hasFocus || hasNoPointer.matches,
    {
      onPointerEnter: () => setPointedAt(true),
      onPointerLeave: () => setPointedAt(false),
      onFocus: () => setFocus(true),
      onBlur: (event) => setFocus(event.currentTarget.contains(event.relatedTarget)),
    },
  ];
}
