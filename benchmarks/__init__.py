"""`make bench`: this app beside what a site would use instead, in the same run."""
