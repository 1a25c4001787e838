import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { groupsOptions } from "../../api/dead-letters";

const OTHERWISE_SECONDS = 120;

/** The groups of what is dead: they cost calls for each, so they are read again when the number of the dead changes, and else seldom. */
export function useFailures(dead: number) {
  const client = useQueryClient();
  const seen = useRef(dead);
  useEffect(() => {
    if (seen.current === dead) return;
    seen.current = dead;
    void client.invalidateQueries({ queryKey: groupsOptions().queryKey });
  }, [client, dead]);
  return useQuery({ ...groupsOptions(), meta: { live: true, everySeconds: OTHERWISE_SECONDS }, enabled: dead > 0 });
}
