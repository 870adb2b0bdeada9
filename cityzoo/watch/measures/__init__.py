"""Speed, dwell time, queues, occupancy, headway and flows of the tracks of a camera."""
