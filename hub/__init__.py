"""The tap's entry for the Meltano Hub; not in the wheel."""
