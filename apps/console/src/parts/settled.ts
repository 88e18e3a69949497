// A value that follows another one after a pause, so that typing does not send a request per key.

import { useEffect, useState } from "react";

const pauseMs = 250;

/** The latest value that did not change for a moment. */
export function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
