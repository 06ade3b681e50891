// long enough to be worth compressing
