import { type DOMAttributes, useCallback, useEffect, useRef, useState } from 'react';

const hasNoPointer = matchMedia('(hover: none)');
/** How long a pointer that has left the list may take to the button that shows what is new. */
const REACH_MS = 1_000;

/** Whether somebody is about to click in a list, or on the button that shows what is new in it. */
export interface Hold {
  readonly isHeld: boolean;
  /** Of the list, and of the button's place. */
  readonly handlers: DOMAttributes<HTMLElement>;
  /** The person wants to see what is new. */
  readonly release: () => void;
}

/**
 * Whether somebody points at a list or has the focus in it, so that its rows must not move. On a touch screen nobody
 * knows where the finger goes next: there they never move by themselves.
 */
export function useHold(): Hold {
  const [isPointedAt, setPointedAt] = useState(false);
  const [hasFocus, setFocus] = useState(false);
  const leaving = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(leaving.current), []);
  const release = useCallback(() => {
    clearTimeout(leaving.current);
    setPointedAt(false);
    setFocus(false);
  }, []);
  return {
    isHeld: isPointedAt || hasFocus || hasNoPointer.matches,
    handlers: {
      onPointerEnter: () => {
        clearTimeout(leaving.current);
        setPointedAt(true);
      },
      onPointerLeave: () => {
        clearTimeout(leaving.current);
        leaving.current = setTimeout(() => setPointedAt(false), REACH_MS);
      },
      onFocus: () => setFocus(true),
      onBlur: (event) => setFocus(event.currentTarget.contains(event.relatedTarget)),
    },
    release,
  };
}
