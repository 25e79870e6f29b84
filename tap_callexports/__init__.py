"""Singer tap for call exports of Videsk, Anunzi / Retell AI, Twin24 and Burki."""
